//go:build !unix

package store_test

import "errors"

func suspend(int) error { return errors.ErrUnsupported }

func resume(int) error { return errors.ErrUnsupported }
