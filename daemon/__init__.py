"""Receiptwatch: the service that watches whether order receipts reach the customer's eyes."""

__version__ = "0.1.0"
