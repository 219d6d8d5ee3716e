"""The crontab: the managed block, and jobs from the lines of an existing one."""
