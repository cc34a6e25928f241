-- Grows with everything that makes a proof of who one is worthless: a new password, a suspension. A sign-in that began before does
-- not open a session any more.
ALTER TABLE users ADD COLUMN credential_generation INTEGER NOT NULL DEFAULT 0;

-- For the account whose hash an unknown address is verified with.
CREATE INDEX users_with_password ON users (number) WHERE password_hash <> '';
