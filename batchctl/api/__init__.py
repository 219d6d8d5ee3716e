"""What programs use: `from batchctl import Batchctl, guard, job, cron, …`; each is loaded when it is asked for."""
