"""The meaning of promises: pure functions of values, with no clock, no input or output."""
