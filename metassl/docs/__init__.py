"""Pages that are written from what is there: methods with their options, and pairs that are refused."""
