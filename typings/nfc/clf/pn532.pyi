from logging import Logger

from nfc.clf.transport import TTY

class Chipset:
    def __init__(self, transport: TTY, logger: Logger) -> None: ...
    def set_serial_baudrate(self, baudrate: int) -> None: ...
