-- What drorch-booking needs at a MariaDB server, in a database of its own.
CREATE TABLE IF NOT EXISTS bookings (
	number BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
	guest VARCHAR(200) NOT NULL,
	room VARCHAR(200) NOT NULL,
	time CHAR(24) CHARACTER SET ascii NOT NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
