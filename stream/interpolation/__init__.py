"""Pictures between two pictures: one interface, and all that can make them behind it."""
