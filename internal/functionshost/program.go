package functionshost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"time"
)

// program is one process of the custom handler.
type program struct {
	command *exec.Cmd
	ended   chan struct{} // closed when it has ended
}

const (
	restartOnPurpose = 200
	errorsAllowed    = 3
	errorInterval    = 30 * time.Minute
)

// supervise keeps a program running as long as the rules allow: exit code 0 is final, 200 is a request to be restarted,
// any other code is an error, and the third error, each within half an hour of the one before, ends the host.
func (h *Host) supervise() {
	defer close(h.ended)
	var faults int
	var last time.Time
	for first := true; ; first = false {
		p, err := h.launch()
		if err == nil && first {
			err = h.poll(p)
		}
		if first || err != nil {
			h.settle(err)
		}
		if p == nil {
			return
		}
		<-p.ended
		code := p.command.ProcessState.ExitCode()
		h.log.add("host", Information, fmt.Sprintf("the program ended with exit code %d", code))
		switch code {
		case 0:
			return
		case restartOnPurpose:
		default:
			if now := h.opts.Now(); now.Sub(last) > errorInterval {
				faults = 0
			}
			last = h.opts.Now()
			if faults++; faults == errorsAllowed {
				h.settle(errors.New("the program failed too often; the host has stopped"))
				return
			}
		}
		if h.isClosing() {
			return
		}
	}
}

// settle ends the phase of 503 responses: a program has responded, or there will be none.
func (h *Host) settle(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = err
	select {
	case <-h.ready:
	default:
		close(h.ready)
	}
	if err != nil {
		h.log.add("host", Error, err.Error())
	}
}

// serving reports whether the host serves requests. It does once a program has responded, even while the program is
// being restarted or is gone.
func (h *Host) serving() bool {
	select {
	case <-h.ready:
	default:
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed == nil && !h.closing
}

func (h *Host) isClosing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closing
}

// launch starts the program, unless the host is about to close.
func (h *Host) launch() (*program, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, errors.New("the host is closing")
	}
	d := h.app.host.CustomHandler.Description
	arguments := make([]string, len(d.Arguments))
	for i, a := range d.Arguments {
		arguments[i] = h.expand(a)
	}
	command := exec.Command(h.app.program(), arguments...) //nolint:gosec // the program of the package under test
	command.Dir = h.app.dir
	if d.WorkingDirectory != "" {
		command.Dir = h.expand(d.WorkingDirectory)
	}
	command.Env = h.environment()
	command.Stdout = &lines{log: &h.log, stream: "stdout"}
	command.Stderr = &lines{log: &h.log, stream: "stderr"}
	command.WaitDelay = time.Second // a grandchild may hold the pipes
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the program: %w", err)
	}
	p := &program{command: command, ended: make(chan struct{})}
	h.program = p
	h.starts++
	go func() {
		_ = command.Wait() // the exit code says enough
		close(p.ended)
	}()
	return p, nil
}

var setting = regexp.MustCompile(`%([^%]+)%`)

// expand replaces %NAME% with app settings.
func (h *Host) expand(text string) string {
	return setting.ReplaceAllStringFunc(text, func(name string) string { return h.opts.Settings[name[1:len(name)-1]] })
}

// environment returns the host's environment, which the program inherits, with the app settings and the five variables
// for custom handlers.
func (h *Host) environment() []string {
	id := newID()
	all := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home", "TMPDIR": os.TempDir(), "LANG": "C.UTF-8",
		"ASPNETCORE_URLS": "http://+:80", "DOTNET_RUNNING_IN_CONTAINER": "true", "CONTAINER_NAME": "0-00000000",
		"AzureWebJobsScriptRoot": h.app.dir, "AzureWebJobsStorage__accountName": "countersigntest",
		"FUNCTIONS_EXTENSION_VERSION": "~4", "FUNCTIONS_WORKER_RUNTIME": "custom",
		"WEBSITE_SITE_NAME": "countersign-test", "WEBSITE_HOSTNAME": PublicHost, "WEBSITE_INSTANCE_ID": "0123456789abcdef",
		"WEBSITE_AUTH_ENABLED": "False", "WEBSITE_SLOT_NAME": "Production", "REGION_NAME": "West Europe",
	}
	maps.Copy(all, h.opts.Settings)
	maps.Copy(all, map[string]string{
		"FUNCTIONS_CUSTOMHANDLER_PORT": h.port, "FUNCTIONS_HTTPWORKER_PORT": h.port,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID": id, "FUNCTIONS_HTTPWORKER_ID": id,
		"FUNCTIONS_APP_ROOT_PATH": h.app.dir,
	})
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// poll waits for any response to GET /.
func (h *Host) poll(p *program) error {
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.programURL()+"/", nil)
		if err != nil {
			return err
		}
		if response, err := client.Do(request); err == nil {
			return response.Body.Close()
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return errors.New("the program ended before it responded")
		case <-ctx.Done():
			return fmt.Errorf("the program did not respond to GET / within %s", initTimeout)
		}
	}
}

func (h *Host) programURL() string { return "http://127.0.0.1:" + h.port }

// Kill kills the program without warning, as the platform does when it removes an instance. It is restarted unless the
// host is closing.
func (h *Host) Kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.program != nil {
		_ = h.program.command.Process.Kill() // it may have ended already
	}
}

// Starts returns how often the program was started.
func (h *Host) Starts() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.starts
}
