// Package option holds what the constructors that take options have in common: a field that is zero
// has its default, and a field that cannot be used is an error where the part is made.
package option

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/revocast/revocast"
)

// None is the value of every named constant that stands for none, such as refresh.NoGrace. Zero
// cannot stand for it, since zero is the default.
const None = -1

type number interface{ ~int | ~int64 }

// A Field is a number or a duration among the options of a constructor.
type Field interface{ complete(owner string) error }

// Number is a [Field]; make it with [Of].
type Number[T number] struct {
	name        string
	value       *T
	byDefault   T
	least, most T
	bounded     bool
	none        string
}

// Of is the field of that name: value is where it stands, and byDefault is what zero means. It may
// be any number that is not negative.
func Of[T number](name string, value *T, byDefault T) Number[T] {
	return Number[T]{name: name, value: value, byDefault: byDefault}
}

// AtLeast refuses what is below a number.
func (n Number[T]) AtLeast(least T) Number[T] {
	n.least = least
	return n
}

// In refuses what is below least or above most.
func (n Number[T]) In(least, most T) Number[T] {
	n.least, n.most, n.bounded = least, most, true
	return n
}

// Or says that the field may be the constant of this name, [None]. Complete puts zero in its place.
func (n Number[T]) Or(constant string) Number[T] {
	n.none = constant
	return n
}

// Complete puts defaults in the place of zeros, field after field. It fails with
// [revocast.ErrInvalid] at the first value that cannot be used, and names the field of owner, such as
// "worker.GuardOptions", its value and what is allowed.
func Complete(owner string, fields ...Field) error {
	for _, f := range fields {
		if err := f.complete(owner); err != nil {
			return err
		}
	}
	return nil
}

func (n Number[T]) complete(owner string) error {
	switch {
	case *n.value == 0:
		*n.value = n.byDefault
	case n.none != "" && *n.value == None:
		*n.value = 0
		return nil
	}
	if *n.value < n.least || n.bounded && *n.value > n.most {
		return Wrong(owner, n.name, *n.value, n.allowed(owner))
	}
	return nil
}

// allowed says what the field may be.
func (n Number[T]) allowed(owner string) string {
	var b strings.Builder
	switch {
	case n.bounded:
		fmt.Fprintf(&b, "want %v to %v", n.least, n.most)
	default:
		fmt.Fprintf(&b, "want %v or more", n.least)
	}
	if n.byDefault != 0 {
		fmt.Fprintf(&b, ", or zero for the default, %v", n.byDefault)
	}
	if n.none != "" {
		pkg, _, _ := strings.Cut(owner, ".")
		fmt.Fprintf(&b, ", or %s.%s", pkg, n.none)
	}
	return b.String()
}

// Wrong is the [revocast.ErrInvalid] of one field.
func Wrong(owner, name string, value any, allowed string) error {
	if v := reflect.ValueOf(value); v.Kind() == reflect.String {
		value = fmt.Sprintf("%.80q", v.String())
	}
	return fmt.Errorf("%w: %s.%s is %v: %s", revocast.ErrInvalid, owner, name, value, allowed)
}

// Must is for tests, whose options are known to be good: it panics where a part could not be made.
func Must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}
