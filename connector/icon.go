package connector

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
)

// iconSize is in pixels. The icon is square, and within the 100 to 230 pixels that the connector guide requires.
const iconSize = 200

// brand is the iconBrandColor of apiProperties.json.
var brand = color.NRGBA{R: 0x0b, G: 0x4f, B: 0x6c, A: 0xff}

// drawIcon draws a seal with a check mark on the brand colour.
func drawIcon() ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, iconSize, iconSize))
	for y := range iconSize {
		for x := range iconSize {
			img.SetNRGBA(x, y, blend(brand, color.NRGBA{0xff, 0xff, 0xff, 0xff}, coverage(float64(x), float64(y))))
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("writing the icon: %w", err)
	}
	return out.Bytes(), nil
}

// coverage returns how much of a pixel the drawing covers, from 0 to 1. It falls off over one pixel at the edges.
func coverage(x, y float64) float64 {
	const centre = iconSize / 2
	angle := math.Atan2(y-centre, x-centre)
	ring := math.Abs(math.Hypot(x-centre, y-centre)-(68+4*math.Cos(18*angle))) - 6
	mark := min(distanceToLine(x, y, 66, 102, 92, 128), distanceToLine(x, y, 92, 128, 136, 76)) - 8
	return min(1, max(0, 0.5-min(ring, mark)))
}

// distanceToLine returns the distance of a point from the line between two others.
func distanceToLine(x, y, ax, ay, bx, by float64) float64 {
	dx, dy := bx-ax, by-ay
	along := min(1, max(0, ((x-ax)*dx+(y-ay)*dy)/(dx*dx+dy*dy)))
	return math.Hypot(x-ax-along*dx, y-ay-along*dy)
}

func blend(from, to color.NRGBA, share float64) color.NRGBA {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*share)) }
	return color.NRGBA{mix(from.R, to.R), mix(from.G, to.G), mix(from.B, to.B), 0xff}
}
