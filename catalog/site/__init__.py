"""What people see: the pages, whether served or static, and the static site made of them and of IIIF."""
