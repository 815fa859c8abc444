"""What receipts are made of: words, baskets, templates, the letter; `probes.receipt` joins them."""
