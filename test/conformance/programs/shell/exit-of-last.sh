echo x
(exit 77)
