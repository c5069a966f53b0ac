package cli

import (
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// logs are the loggers, one for each type of line; audit records are one more type. Each line has time, level, type and
// message, as docs/log.schema.json says.
type logs struct{ request, session, config, lifecycle zerolog.Logger }

// newLogs makes loggers for lines of at least a level; hash is that of the configuration, "" for none.
func newLogs(to io.Writer, now func() time.Time, level zerolog.Level, hash string) logs {
	of := func(kind string) zerolog.Logger {
		line := zerolog.New(to).Level(level).Hook(timestamp(now)).With().Str("type", kind)
		if hash != "" {
			line = line.Str("config_hash", hash)
		}
		return line.Logger()
	}
	return logs{request: of("request"), session: of("session"), config: of("config"), lifecycle: of("lifecycle")}
}

// timestamp adds the time in milliseconds, as in audit records.
func timestamp(now func() time.Time) zerolog.HookFunc {
	return func(e *zerolog.Event, _ zerolog.Level, _ string) { e.Str("time", now().UTC().Format(recordTime)) }
}

const recordTime = "2006-01-02T15:04:05.000Z07:00"

// logger logs for the process, with the level of the current configuration.
func (s *service) logger() *zerolog.Logger { return &s.logs().lifecycle }

func (s *service) logs() *logs {
	if g := s.current.Load(); g != nil {
		return &g.logs
	}
	return &s.first
}

// serverErrors logs what net/http reports about connections.
type serverErrors struct{ *service }

func (s serverErrors) Write(text []byte) (int, error) {
	line := s.logger().Warn()
	if strings.HasPrefix(string(text), "http: TLS handshake error") {
		line = s.logger().Debug() // any client that reaches the port can cause it
	}
	line.Msg(strings.TrimSpace(string(text)))
	return len(text), nil
}
