"""Order mail comes in: SMTP, what a message is about, and what a bounce says."""
