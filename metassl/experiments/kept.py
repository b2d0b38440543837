"""What a worker keeps from one run to the next."""


class Kept:
    """Holds what many runs of one worker share, so that each is made once.

    A worker makes one when it starts and hands it to each of its runs.
    """
