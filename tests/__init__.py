"""One file per module, plus end-to-end tests against real peers."""
