"""The configuration that `batchctl init` writes.

Prose stands behind `# `, and what only needs its `#` taken away to work stands right behind it.
"""

STARTER = """\
# batchctl: what runs, when, and under which rules.
#
#   batchctl config            checks this file and prints what is in force
#   batchctl run daily-batch   fires the job now, by hand
#   batchctl simulate          previews the fires of a week: start, or skip and why
#   batchctl crontab install   lets cron fire it
#
# Durations: "90s", "24h30m", "2d", "500ms"; a bare number is seconds.
# Relative paths (cwd, env_file, path) start from the directory of this file, and ~ is your home.
# Jobs may also stand in files of their own: jobs.d/NAME.toml beside this file, with the keys of [jobs.NAME] at the top.

# The zone in which schedules and hours are meant; without it the system's, as cron uses it.
#timezone = "Asia/Seoul"

# Where history, locks and logs are kept; without it ~/.local/state/batchctl.
#state_dir = "~/batchctl-state"

# How many jobs of a pool may run at once; a job joins one with pool = "collectors".
[pools]
collectors = 1

[jobs.daily-batch]
description = "keyword search, then market upload"
# When cron fires it: crontab(5) here, or instead of it one of  daily = "01:00"  every = "30h"  at = 2030-12-01T12:00:00
# Take the # away once programs of your own stand in the steps; until then it runs by hand only.
#schedule = "0 1 * * *"
# A run that takes longer is ended. One older than stale_after is taken for hung, ended, and a new one started.
timeout = "30h"
stale_after = "36h"
# The least time between the end of a run and the next start.
min_gap = "6h"
pool = "collectors"
# Outside these hours nothing starts (what runs goes on).
#active_hours = "00:00-22:59"
# Values for {account} and {limit} below; `batchctl run daily-batch --param limit=50` sets others for one run.
params = { account = "account-1", limit = 100 }
# cron knows nothing of your login shell: name here what the programs need.
#path = ["~/bin"]
#cwd = "~"
#env = { LANG = "C.UTF-8" }
# NAME=VALUE lines, read when a run starts; the values named in `secrets` are masked wherever batchctl writes them.
#env_file = "daily-batch.env"
#secrets = ["API_KEY"]

# The steps run in this order; one that fails blocks those after it. Put your own programs in place of each echo:
# run = a line for /bin/sh, argv = ["program", "argument"], or function = "package.module:name".
# {name} is a parameter and always one literal word; write {{name}} for braces of your own.
[[jobs.daily-batch.steps]]
id = "31"
group = "keyword-search"
run = "echo collect --step 31 --account {account} --limit {limit}"
params = { limit = 300 }
timeout = "6h"
retries = 2
retry_delay = "1m"

[[jobs.daily-batch.steps]]
id = "32"
group = "keyword-search"
run = "echo collect --step 32 --account {account} --limit {limit}"
timeout = "6h"

[[jobs.daily-batch.steps]]
id = "33"
group = "keyword-search"
run = "echo collect --step 33 --account {account} --limit {limit}"
timeout = "6h"

[[jobs.daily-batch.steps]]
id = "61"
group = "market-upload"
argv = ["echo", "upload", "--step", "61", "--account", "{account}"]
timeout = "6h"

[[jobs.daily-batch.steps]]
id = "62"
group = "market-upload"
argv = ["echo", "upload", "--step", "62", "--account", "{account}"]
timeout = "6h"

[[jobs.daily-batch.steps]]
id = "63"
group = "market-upload"
argv = ["echo", "upload", "--step", "63", "--account", "{account}"]
timeout = "6h"

# Steps of a group side by side, at most two at a time:
#[jobs.daily-batch.groups.keyword-search]
#parallel = true
#max_parallel = 2

# A chain of about 26 hours that is fired every day runs every 48. Two jobs twelve hours apart, each shorter than a
# day, run daily; the steps of daily-batch move into them, and daily-batch gets  enabled = false.
#[jobs.keyword-search]
#description = "first half of daily-batch"
#daily = "01:00"
#timeout = "14h"
#stale_after = "20h"
#[[jobs.keyword-search.steps]]
#id = "31"
#run = "echo collect --step 31"

#[jobs.market-upload]
#description = "second half of daily-batch"
#daily = "13:00"
#timeout = "14h"
#stale_after = "20h"
#[[jobs.market-upload.steps]]
#id = "61"
#run = "echo upload --step 61"

# A job that is one command needs no steps.
#[jobs.refresh-prices]
#description = "30 hours after its last start, whenever that was"
#every = "30h"
#run = "echo refresh prices"

#[jobs.year-end]
#description = "once"
#at = 2030-12-31T23:00:00
#argv = ["echo", "close the books"]

# A ready-made job with a few keys of its own; `batchctl jobs presets` lists them.
#[jobs.demo]
#preset = "daily-batch"
#params = { account = "account-2" }
"""
