"""Periodic jobs: enqueued by the clock, once each, by whichever process leads."""
