"""ciao-kiosk: a badge reader that registers presences with the Belgian service Check In and Out at Work."""
