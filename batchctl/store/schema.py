"""The number of migrations this batchctl knows; kept apart so that a fire need not import them."""

VERSION = 4
