-- Refresh tokens that come twice, so that a thief who refreshes in step with the owner is noticed.

-- The network and the program that took the newest token but one.
ALTER TABLE sessions ADD COLUMN rotated_from TEXT;
-- Whether that token came again since: 0 no, 1 at once, 2 later, 3 from another network or program.
ALTER TABLE sessions ADD COLUMN repeated INTEGER NOT NULL DEFAULT 0;
-- Rotations in a row whose token came again later or from elsewhere, and those from elsewhere alone.
ALTER TABLE sessions ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN repeats_apart INTEGER NOT NULL DEFAULT 0;
