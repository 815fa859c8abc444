"""The only SQL in the house: schema, migrations, one file per aggregate."""
