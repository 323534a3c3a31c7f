package refresh

// RotateSource is the script of a rotation.
func RotateSource() string { return rotateScript.Source }

// Parts are the key that scripts are called with, and a token's family and hash.
func Parts(s *Store, token string) (key, id, hash string) {
	t, _ := parse(s.mints, token)
	return s.keys[0], t.id(), t.hash()
}
