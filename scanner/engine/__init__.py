"""ScanCode made warm and fast. Only ``client`` may be imported from outside; nothing else imports scancode."""
