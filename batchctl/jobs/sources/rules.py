"""What any product must be before it is kept."""

from batchctl.jobs.collecting.quality import Validator, in_range, is_date, required

MOST_EXPENSIVE = 100_000_000
"""Won; beyond it a price is a slip of the keyboard."""


def product_validator() -> Validator:
    """Return the rules for products: code, name and price there, price and stock within reason, a date a date."""
    return Validator(
        "code",
        [
            required("code", "name", "price"),
            in_range("price", 1, MOST_EXPENSIVE),
            in_range("stock", 0, 10_000_000),
            is_date("updated"),
        ],
    )


def number(value: object) -> object:
    """Return a number where a text is one, as JSON and XML of suppliers have it; anything else as it came."""
    if not isinstance(value, str):
        return value
    try:
        return int(value.replace(",", ""))
    except ValueError:
        return value
