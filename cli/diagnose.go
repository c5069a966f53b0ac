package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"countersign/broker"
	"countersign/diagnosis"
	"countersign/handlers"

	"github.com/spf13/cobra"
)

type diagnoseOptions struct {
	file, curl, profile, config string
	json                        bool
}

func newDiagnose(p *process) *cobra.Command {
	var o diagnoseOptions
	c := &cobra.Command{
		Use:   "diagnose [FILE]",
		Short: "Say why AWS refused a request, and what to do.",
		Long: "Read a refusal from FILE or standard input, in whatever form you have it: AWS's response, curl -v, a workflow\n" +
			"action with its outputs, an exception, a log line, or a document as POST /v1/diagnose takes it. With the request\n" +
			"and the profile that signed it, more can be proved. Nothing is sent to AWS except to get the profile's session.\n" +
			"Exit code 0: the cause is proved, or AWS states it.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.file = args[0]
			}
			return o.diagnose(p)
		},
	}
	f := c.Flags()
	f.StringVar(&o.curl, "curl", "", "The request as a curl `COMMAND`; the response comes from FILE or standard input.")
	f.StringVar(&o.profile, "profile", "", "`NAME` of the profile that should have signed, to prove the cause with its credentials.")
	f.BoolVar(&o.json, "json", false, "Print the whole response as JSON.")
	addConfig(c, &o.config)
	return c
}

// maxPaste is how much of a paste is read.
const maxPaste = 8 << 20

// diagnose explains a refusal as the service does, with the same configuration.
func (c diagnoseOptions) diagnose(p *process) error {
	text, err := c.read(p)
	if err != nil {
		return err
	}
	in, use, isDocument := handlers.DiagnoseDocument(text)
	if !isDocument {
		in = diagnosis.Input{Paste: string(text)}
		if c.curl != "" {
			in.Paste = c.curl + "\n\n" + in.Paste
		}
	}
	if c.profile != "" {
		use.Profile = c.profile
	}
	var b *broker.Broker
	if use.Profile != "" || use.Credentials != nil {
		o, err := newOperator(p, c.config, use.Profile, false)
		if err != nil {
			return err
		}
		defer o.close()
		use.Profile, b = o.profile, broker.New(o.options)
	}
	report, err := handlers.Diagnose(p.ctx, b, newCall(), in, use)
	if err != nil {
		return problemError(broker.Problem(err).WithPointers(flagOf))
	}
	if err := c.print(p, report); err != nil {
		return err
	}
	if certainty := report.Verdicts[0].Certainty; certainty != diagnosis.Proved && certainty != diagnosis.Stated {
		return fmt.Errorf("the cause is %s, not certain", certainty)
	}
	return nil
}

// read reads the refusal. With --curl there may be none.
func (c diagnoseOptions) read(p *process) ([]byte, error) {
	in := p.stdin
	switch {
	case c.file != "" && c.file != "-":
		file, err := os.Open(c.file)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	case !isTerminal(p.stdin):
	case c.curl != "":
		return nil, nil
	default:
		fmt.Fprintln(p.stderr, "Paste the refusal, and the request if you have it; end with Ctrl-D.")
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPaste))
	if err == nil && len(bytes.TrimSpace(text)) == 0 && c.curl == "" {
		err = usageError{errors.New("nothing to explain: give the refusal in FILE or on standard input")}
	}
	return text, err
}

func (c diagnoseOptions) print(p *process, report *diagnosis.Report) error {
	if c.json {
		var text bytes.Buffer
		out := json.NewEncoder(&text)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		if err := out.Encode(report); err != nil {
			return err
		}
		_, err := io.WriteString(p.stdout, visibleJSON(text.String()))
		return err
	}
	page := diagnosisText{colour: isTerminal(p.stdout) && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"}
	page.report(report)
	_, err := p.stdout.Write(page.Bytes())
	return err
}
