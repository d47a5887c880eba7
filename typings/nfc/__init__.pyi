# Typed marks for the part of nfcpy that hardware/frontend.py and the tests use; nfcpy itself, dormant since 2022, ships none.

from nfc.clf import ContactlessFrontend as ContactlessFrontend
