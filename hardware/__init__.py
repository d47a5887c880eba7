"""Readers, lights and positions: this package knows cards, not people, and imports nothing from kiosk."""
