package faults

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// step is what an operation of a porcupine history does.
type step struct {
	kind   stepKind
	value  Answer
	worker int
}

type stepKind uint8

const (
	stepRead  stepKind = iota // a check that answered value
	stepBegin                 // from here on value may stand
	stepEnd                   // from here on only value stands, or a later write
	stepWrite                 // value stands, at one instant of the interval
)

// values is a set of answers that a check may give, one bit each.
type values uint8

func setOf(a Answer) values { return 1 << a }

// promise is guarantee G1 for one token and all workers. A check may return any value that was
// begun and is not certainly replaced. A write has two instants, its call and its confirmation;
// checks in between may see either value, at each worker independently.
func promise() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return setOf(Allowed) },
		Step: func(state, input, _ any) (bool, any) {
			now, s := state.(values), input.(step)
			switch s.kind {
			case stepBegin:
				return true, now | setOf(s.value)
			case stepEnd:
				return true, setOf(s.value)
			case stepRead, stepWrite:
			}
			return now&setOf(s.value) != 0, now
		},
		DescribeOperation: describe,
	}
}

// register is an atomic register: one worker's view of one token.
func register() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return Allowed },
		Step: func(state, input, _ any) (bool, any) {
			s := input.(step)
			if s.kind == stepWrite {
				return true, s.value
			}
			return state.(Answer) == s.value, state
		},
		DescribeOperation: describe,
	}
}

func describe(input, _ any) string {
	s := input.(step)
	switch s.kind {
	case stepBegin:
		return fmt.Sprintf("%s from here on", s.value)
	case stepEnd:
		return fmt.Sprintf("%s is confirmed", s.value)
	case stepWrite:
		return fmt.Sprintf("becomes %s", s.value)
	case stepRead:
	}
	return fmt.Sprintf("worker %d: %s", s.worker, s.value)
}

func operation(client int, s step, call, ret int64) porcupine.Operation {
	return porcupine.Operation{ClientId: client, Input: s, Call: call, Return: ret}
}

// promiseHistory is a token's history for [promise].
func promiseHistory(reads []Read, writes []Write) []porcupine.Operation {
	var ops []porcupine.Operation
	for _, w := range writes {
		ops = append(ops, operation(0, step{kind: stepBegin, value: w.Value}, w.Call, w.Call))
		if w.Ret != never {
			ops = append(ops, operation(0, step{kind: stepEnd, value: w.Value}, w.Ret, w.Ret))
		}
	}
	for _, r := range reads {
		ops = append(ops, operation(1+r.Worker, step{kind: stepRead, value: r.Answer, worker: r.Worker}, r.Call, r.Ret))
	}
	return ops
}

// registerHistory is a token's history at one worker for [register].
func registerHistory(worker int, reads []Read, writes []Write) []porcupine.Operation {
	var ops []porcupine.Operation
	for _, w := range writes {
		ops = append(ops, operation(0, step{kind: stepWrite, value: w.Value}, w.Call, w.Ret))
	}
	for _, r := range reads {
		if r.Worker == worker {
			ops = append(ops, operation(1, step{kind: stepRead, value: r.Answer, worker: worker}, r.Call, r.Ret))
		}
	}
	return ops
}
