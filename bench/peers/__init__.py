"""What stands beside the twin: the same day written by hand, and other people's simulators on their own ground.

Each needs libraries of the extras `bench` and `peers`; who is absent is named in the output.
"""
