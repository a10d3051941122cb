/** The ten digits as strokes of a pen, in a unit square: x to the right, y down. */

export type Point = readonly [x: number, y: number];

/** Points that the pen passes, on straight lines or on a smooth curve. */
export interface Stroke {
  readonly points: readonly Point[];
  readonly smooth?: boolean;
}

/** One way to write a digit. */
export type Glyph = readonly Stroke[];

/** A closed curve through eight points of an ellipse, begun at its top. */
function ellipse(cx: number, cy: number, rx: number, ry: number): Stroke {
  const points = Array.from({ length: 9 }, (_, i): Point => {
    const angle = (Math.PI * i) / 4 - Math.PI / 2;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });
  return { points, smooth: true };
}

const line = (...points: readonly Point[]): Stroke => ({ points });
const curve = (...points: readonly Point[]): Stroke => ({ points, smooth: true });

/** The ways to write each digit. */
export const GLYPHS: readonly (readonly Glyph[])[] = [
  [[ellipse(0.5, 0.5, 0.28, 0.42)]],
  [
    [line([0.34, 0.28], [0.53, 0.08], [0.53, 0.92])],
    [line([0.34, 0.28], [0.53, 0.08], [0.53, 0.92]), line([0.34, 0.92], [0.72, 0.92])],
    [line([0.5, 0.08], [0.5, 0.92])],
  ],
  [
    [
      curve([0.23, 0.3], [0.32, 0.13], [0.52, 0.08], [0.74, 0.2], [0.72, 0.42], [0.46, 0.68]),
      line([0.46, 0.68], [0.22, 0.92], [0.8, 0.92]),
    ],
  ],
  [
    [
      curve([0.26, 0.18], [0.5, 0.08], [0.73, 0.2], [0.68, 0.4], [0.45, 0.48]),
      curve([0.45, 0.48], [0.72, 0.54], [0.78, 0.74], [0.55, 0.92], [0.23, 0.83]),
    ],
    [
      line([0.26, 0.08], [0.74, 0.08], [0.46, 0.42]),
      curve([0.46, 0.42], [0.73, 0.5], [0.76, 0.76], [0.52, 0.92], [0.23, 0.83]),
    ],
  ],
  [
    [line([0.6, 0.08], [0.2, 0.64], [0.82, 0.64]), line([0.64, 0.38], [0.64, 0.92])],
    [line([0.3, 0.08], [0.26, 0.5], [0.76, 0.5]), line([0.7, 0.08], [0.68, 0.92])],
  ],
  [
    [
      line([0.74, 0.08], [0.31, 0.08], [0.28, 0.44]),
      curve([0.28, 0.44], [0.53, 0.38], [0.75, 0.54], [0.72, 0.8], [0.48, 0.92], [0.23, 0.84]),
    ],
  ],
  [[curve([0.68, 0.1], [0.44, 0.22], [0.28, 0.48], [0.26, 0.72]), ellipse(0.5, 0.71, 0.25, 0.21)]],
  [
    [line([0.2, 0.08], [0.79, 0.08], [0.42, 0.92])],
    [line([0.2, 0.08], [0.79, 0.08], [0.42, 0.92]), line([0.36, 0.5], [0.74, 0.5])],
  ],
  [[ellipse(0.5, 0.29, 0.22, 0.21), ellipse(0.5, 0.71, 0.27, 0.22)]],
  [[ellipse(0.5, 0.31, 0.25, 0.22), curve([0.75, 0.31], [0.75, 0.55], [0.68, 0.76], [0.52, 0.92])]],
];
