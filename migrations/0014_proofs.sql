-- What in an account may be the doing of somebody who is not the owner of its address.

-- From when on everything in the account is the owner's. NULL: from `email_verified_at` on.
ALTER TABLE users ADD COLUMN proved_since INTEGER;

-- When the password was chosen. NULL: nobody knows, which counts as before the address was proved.
ALTER TABLE users ADD COLUMN password_set_at INTEGER;
