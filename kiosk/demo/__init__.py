"""``kiosk demo``: everything on one machine: the service double, an invented roster, the real daemon, real readers where there are any."""
