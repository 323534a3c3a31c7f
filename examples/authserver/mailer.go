package main

import (
	"context"
	"fmt"
	"log/slog"
)

// mailer sends mails, one after the other and after the answer: the time that a mail server takes
// must not reveal who has an account. This one prints them.
type mailer struct {
	queue chan string
	print func(format string, a ...any)
	log   *slog.Logger
}

// maxMails is how many mails may wait. Any more are lost, and the user asks for another.
const maxMails = 256

func newMailer(out Output) *mailer {
	return &mailer{queue: make(chan string, maxMails), print: out.Print, log: out.Logger}
}

// send queues a mail, and never waits.
func (m *mailer) send(format string, a ...any) {
	select {
	case m.queue <- fmt.Sprintf(format, a...):
	default:
		m.log.Error("a mail was not sent: too many are waiting", "waiting", maxMails)
	}
}

// run sends until ctx ends, and then what is queued.
func (m *mailer) run(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case text := <-m.queue:
			m.print("%s", text)
		case <-ctx.Done():
		}
	}
	for {
		select {
		case text := <-m.queue:
			m.print("%s", text)
		default:
			return nil
		}
	}
}
