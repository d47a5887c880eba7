# The driver of each USB reader, by vendor and product.
usb_device_map: dict[tuple[int, int], str]
