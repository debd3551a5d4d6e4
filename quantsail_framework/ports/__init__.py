"""One Protocol per kind of component: what the framework calls, and what it may expect back."""
