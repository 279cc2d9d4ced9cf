"""Exceptions whose message is meant for the person who runs the workflow."""


class UserError(Exception):
    """Something in the user's config, data or files is wrong; the message says what to do."""

    # Exit status of a job that ends with it.
    status = 1


class MissingProgramError(UserError):
    """A program that the machine lacks: no fault of the file that it was wanted for."""


class ShownWarning(UserWarning):
    """What is shown on the terminal of a job too, as one line."""


class DataWarning(ShownWarning):
    """Something in the user's data that may not be meant."""


class MachineWarning(ShownWarning):
    """A machine that does not give what a job asked for."""
