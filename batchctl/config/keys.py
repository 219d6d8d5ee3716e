"""Each key of the configuration: how it is written, for remedies, and what it means, for the reference."""

from __future__ import annotations

KEYS = {
    # at the top of the main file
    "timezone": (
        '"Asia/Seoul"',
        "the zone of schedules and hours; default: the system's, as cron has it",
    ),
    "lang": (
        '"ko" or "en"',
        "the language of tables, reports, pages, mails and alerts; BATCHCTL_LANG wins over it; default: the locale's",
    ),
    "state_dir": ('"/var/lib/batchctl"', "where history, locks and logs are kept; default: ~/.local/state/batchctl"),
    "disk_free_min": ('"1GB"', "less free space on the state directory's disk is told as `disk`"),
    "pools": ("{ collectors = 1 }", "how many jobs of a pool may run at once"),
    "events": ("", "where each event is written as it happens, a table `[events]`; see `batchctl events`"),
    "events.file": ('"/var/log/batchctl.log"', "the file that gets a line for each event"),
    "events.syslog": ("true", "each event goes to syslog(3), as batchctl, daemon"),
    "modules": (
        '["shop.jobs"]',
        "Python modules whose functions with `@job` are jobs; see [Use batchctl from Python](../howto/python.md)",
    ),
    "python_path": (
        '["lib"]',
        "where modules and functions are looked for, besides the configuration's folder and PYTHONPATH",
    ),
    "functions": (
        '{ collect = "package.module:name" }',
        "names of Python functions for the key function of jobs, a table `[functions]`",
    ),
    "web": ("", "what the page and the API of `batchctl serve` allow, a table `[web]`"),
    "web.hosts": ('["batch.example.com"]', "further names by which the server may be called"),
    "web.proxy_scope": (
        '"read", "operate" or "admin"',
        "what a user may do whom a proxy that is listed with --behind-proxy names",
    ),
    "web.allow_commands": ("true", "jobs that run anything at all can be made and changed through it"),
    "web.functions": ('["shop.jobs:*"]', "the functions that jobs made through it may run, beside those in use"),
    "jobs": ("", "the jobs, a table `[jobs.NAME]` each; or a file jobs.d/NAME.toml each, with the keys at its top"),
    "sources": ("", "where the catalogue's collectors get their data, a table `[sources.NAME]` each"),
    # when a job fires
    "preset": ('"daily-batch"', "the ready-made job that this one is; its own keys override the preset's"),
    "title": ('"커스텀 수집"', "what people read beside the name"),
    "description": ('"keyword search, then market upload"', "a line for people"),
    "kind": ('"collection", "processing", "maintenance", "report" or "analysis"', "a word to sort by"),
    "schedule": ('"0 1 * * *"', "when cron fires it, as in crontab(5)"),
    "every": ('"30h"', "instead of schedule: so long after its last start"),
    "daily": ('"14:30"', "instead of schedule: every day at this time"),
    "at": ("2026-12-01T12:00:00", "instead of schedule: once"),
    "after": (
        '"other-job"',
        "instead of schedule: fired when that job's run has succeeded; of a list, when all have",
    ),
    "after_any": ("true", "fired whatever came of those runs"),
    "jitter": ('"5m"', "each fire comes up to so much later: the job's own share of it, the same every day"),
    "catch_up": ("true", "`batchctl catch-up` makes up once for fires that were missed"),
    "catch_up_window": ('"12h"', "what was missed longer ago is let be"),
    # whether it may start
    "enabled": ("false", "false: no fire starts it"),
    "active_hours": ('"08:00-22:59"', "outside of them no fire starts it; they may cross midnight"),
    "min_gap": ('"6h"', "the least time from the end of the last run to the next start"),
    "gap_factor": ("1.2", "a gap that grows with the job: times the median of the last 10 successful durations"),
    "gap_after": ('"any" or "success"', "which end the gap is counted from: the last one, or the last success"),
    "pool": ('"collectors"', "the pool whose limit this job shares"),
    "start_if": ('{ load_below = 4.0, memory_above = "2GB" }', "what the machine must have at that instant"),
    "load_below": ("4.0", "the load average of the last minute is below this"),
    "memory_above": ('"2GB"', "so much memory is available"),
    "disk_above": ('"5GB"', "so much is free where the state directory lies"),
    "stale_after": (
        '"36h"',
        "a run older than this hangs; must be longer than timeout; default: none ever does",
    ),
    "on_stale": ('"takeover" or "alert"', "what a fire does then: end the run and start anew, or skip and tell"),
    # what it runs
    "steps": ("", "the steps, a table `[[jobs.NAME.steps]]` each, in the order in which they run"),
    "groups": ("", "how the steps of a group run, a table `[jobs.NAME.groups.GROUP]` each"),
    "id": ('"31"', "the step's name, its own within the job"),
    "group": ('"keyword-search"', "the group that the step belongs to"),
    "run": ('"collect --limit 100"', "a line for /bin/sh; in a job: its one step"),
    "argv": ('["prog", "--limit", "100"]', "instead of run: program and arguments, without a shell"),
    "argv_bytes": ("true", "in argv, `\\xHH` is a byte and `\\\\` a backslash, for words that are not UTF-8"),
    "function": (
        '"package.module:name"',
        "instead of run: a Python function, or its name in `[functions]`; params are its keyword arguments",
    ),
    "python": ('"/srv/shop/.venv/bin/python"', "the interpreter of functions and modules; default: batchctl's own"),
    "params": ("{ limit = 100 }", "parameters, for `{name}` in run and argv, and for the program; a step's go before"),
    "continue_on_failure": ("true", "where the step fails, later ones run all the same; the run still ends failed"),
    "when": (
        '"always" or "on_failure"',
        "also runs, or only, where a step before it failed or timed out or the run was stopped; default: on_success",
    ),
    "parallel": ("true", "the steps of the group run side by side"),
    "max_parallel": ("2", "at most so many of them at once"),
    # in which surroundings
    "cwd": ('"/srv/shop"', "the directory in which it runs; default: the fire's, which is the home under cron"),
    "path": ('["/opt/tools/bin"]', "put before PATH, which under cron is /usr/bin:/bin"),
    "env": ('{ LANG = "C.UTF-8" }', "variables; they go before env_file's, and a step's before the job's"),
    "env_file": ('"shop.env"', "a file of NAME=VALUE lines, read when a run starts"),
    "secrets": (
        '["API_KEY"]',
        "names of variables whose values are masked wherever batchctl writes them",
    ),
    # how long it may take, and how often it is tried
    "timeout": ('"30h"', "the budget; then the whole process tree is ended"),
    "grace": ('"10s"', "the time between TERM and KILL"),
    "retries": ("2", "how many more times a step that fails is tried"),
    "retry_delay": ('"30s"', "the wait before the next try"),
    "retry_backoff": ("2", "each wait is so many times the one before"),
    "retry_max_delay": ('"10m"', "and no longer than this"),
    "log_max": ('"200MB"', "of each attempt's output head and tail of together so much are kept"),
    # what it may use, and as whom
    "memory_max": ('"2GB"', "of all its processes together where it can have a control group, else of each of them"),
    "cpu_max": ("1.5", "processors, of all its processes together; needs a control group"),
    "tasks_max": ("500", "processes and threads; needs a control group"),
    "nice": ("10", "its niceness, from -20 to 19: a larger one lets others go first"),
    "io_class": (
        '"idle", "best-effort" or "realtime"',
        "its turn at reading and writing, as in ionice(1)",
    ),
    "user": ('"shop"', "whom it runs as, where batchctl runs as root; with that user's groups and home"),
    # who is told of what
    "notify": ('["mailtos://user:password@example.com"]', "addresses of Apprise; or a table of them by condition"),
    "on_alert": ('["/usr/local/bin/tell-me"]', "a program that gets each alert as JSON on its stdin"),
    "alert_after": ("3", "so many failures in a row are told as `failing`"),
    "flap_window": (
        '"1h"',
        "three turns between success and failure within it are told once, as `flapping`; 0: each for itself",
    ),
    "alert_after_skips": ("2", "so many fires skipped since the last start are told as `skips`"),
    "long_after": ('"28h"', "a run that takes longer is told as `long`"),
    "long_factor": ("1.5", "where long_after does not say: long beyond this times what 95% of the runs take"),
    "min_duration": ('"1h"', "a success that is faster is told as `fast`"),
    "alert_on_output": ('["ERROR", "실패"]', "plain texts that are told as `output` where a step's output has them"),
    "expect": (
        '{ collected = ">= 500" }',
        "bounds on what steps report; with `fail = true` the run fails beyond them",
    ),
    "quiet_hours": ('"22:00-07:00"', "what happens in them is told when they are over"),
    "remind_every": ('"4h"', "what is still wrong is told again, until it ends or is acknowledged"),
    "max_alerts_per_day": ("20", "of each job; the rest is kept and not sent"),
    "ping_url": (
        '"https://hc-ping.com/UUID"',
        "a monitor told of each start, and of each end with its exit code",
    ),
    "ping_on_skip": ("true", "and of skips"),
    # what is kept
    "keep_days": ("30", "`batchctl prune` removes runs and skips that are older"),
    "keep_runs": ("100", "and those beyond so many of each job"),
    "keep_bytes": ('"2GB"', "and those whose logs are beyond so much of each job, the oldest first"),
    # where a collector gets its data, and how politely
    "base_url": ('"https://api.example.com"', "the address; without it the collector asks a sample server of its own"),
    "rate_limit": ("5", "requests a second at most"),
    "batch_size": ("200", "records a page"),
    "interval_hours": ("24", "the source is left alone for so long after a collection that succeeded"),
    "username_env": ('"SHOP_USER"', "the variable that holds the user's name, or whatever the source has in its place"),
    "password_env": ('"SHOP_PASSWORD"', "the variable that holds the password"),
    "token_env": ('"SHOP_TOKEN"', "the variable that holds the token"),
    "publish_dir": ('"/srv/www/images"', "of images: the directory that a web server has at `base_url`"),
    "model": ('"gpt-4o-mini"', "of llm: the model that writes what the trends say in words"),
    "sources.timeout": ('"30s"', "of each request"),
    "sources.retries": ("3", "of each request, after what the source asks for or twice as long each time"),
}
"""Key to an example and the meaning; a key that means something else in a source stands there as `sources.KEY`."""


def example(key: str) -> str:
    """Return a remedy that shows how the key is written."""
    shown = KEYS.get(key, ("", ""))[0]
    return f"write for example {key} = {shown}" if shown else f"write {key} as a table"
