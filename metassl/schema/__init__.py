"""What every key of a config may be: types and ranges, declared once and checked by pydantic."""
