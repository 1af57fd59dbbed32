"""Properties are about answers, not about how busy the machine is: no deadline for one example."""

from hypothesis import settings

settings.register_profile("domain", deadline=None, print_blob=True)
settings.load_profile("domain")
