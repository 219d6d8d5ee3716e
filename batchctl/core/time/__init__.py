"""When: cron expressions, schedules, calendar, zones."""
