"""What programs use: `from batchctl import Batchctl, guard, cron, …`; each is loaded when it is asked for."""
