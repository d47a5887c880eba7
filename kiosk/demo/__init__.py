"""``kiosk demo``: everything on one machine: service double, invented roster, real daemon, real readers where there are any."""
