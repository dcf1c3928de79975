"""Settings that all tests share."""

from hypothesis import settings

# The time of one example says nothing on a shared machine.
settings.register_profile("sparsereg", deadline=None, max_examples=50)
settings.load_profile("sparsereg")
