/* Two small line charts with logarithmic axes, side by side. No library: it is a few lines of text. */

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** The one that the picture is about. */
  readonly strong: boolean;
}

export interface Chart {
  readonly title: string;
  readonly lines: readonly Line[];
}

interface Frame {
  readonly xTitle: string;
  readonly ticks: readonly number[];
  readonly footnote: string;
}

type Scale = (value: number) => number;

const WIDTH = 300;
const HEIGHT = 280;
const LEFT = 72;
const TOP = 48;
/** For the names at the ends of the lines. */
const LABELS = 180;
const CHART = LEFT + WIDTH + LABELS;
const LABEL_GAP = 15;
const COLORS = ['#0b6e4f', '#8c564b', '#1f77b4', '#9467bd', '#e07b00', '#5b6770'];

export function drawCharts(charts: readonly Chart[], { xTitle, ticks, footnote }: Frame): string {
  const [width, height] = [charts.length * CHART, TOP + HEIGHT + 76];
  const x = logScale([Math.min(...ticks), Math.max(...ticks)], [LEFT, LEFT + WIDTH]);
  const panels = charts.map(
    (chart, index) => `<g transform="translate(${index * CHART} 0)">${panel(chart, x, ticks, xTitle)}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" fill="#24292f" role="img" aria-label="${charts.map(({ title }) => title).join(', ')}">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${panels.join('\n')}
${text(LEFT, height - 10, footnote, 'font-size="11" fill="#57606a"')}
</svg>
`;
}

function panel({ title, lines }: Chart, x: Scale, ticks: readonly number[], xTitle: string): string {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value > 0);
  const range = [
    10 ** Math.floor(Math.log10(Math.min(...values))),
    10 ** Math.ceil(Math.log10(Math.max(...values))),
  ] as const;
  const y = logScale(range, [TOP + HEIGHT, TOP]);
  const labels = spread(lines, y);
  return [
    text(LEFT, TOP - 20, `${title} (log scale)`, 'font-size="14" font-weight="600"'),
    ...powers(range).map((value) => gridLine(value, y)),
    ...ticks.map((value) => text(x(value), TOP + HEIGHT + 18, String(value), 'text-anchor="middle"')),
    text(LEFT + WIDTH / 2, TOP + HEIGHT + 38, xTitle, 'text-anchor="middle" fill="#57606a"'),
    ...lines.map((line, index) => drawLine(line, color(index), x, y)),
    ...lines.map((line, index) => label(line, color(index), labels[index] as number)),
  ].join('\n');
}

function drawLine({ points, strong }: Line, stroke: string, x: Scale, y: Scale): string {
  const seen = points.filter(([, value]) => value > 0).map(([at, value]) => [x(at).toFixed(1), y(value).toFixed(1)]);
  const dots = seen.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="${strong ? 3.5 : 2.5}" fill="${stroke}"/>`);
  const path = seen.map((point) => point.join(',')).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${stroke}" stroke-width="${strong ? 3 : 1.5}"/>${dots.join('')}`;
}

function label({ name, strong }: Line, fill: string, at: number): string {
  return text(LEFT + WIDTH + 10, at + 4, name, `fill="${fill}" font-weight="${strong ? 700 : 400}"`);
}

/** Where the names stand: at the ends of their lines, but not one on the other. */
function spread(lines: readonly Line[], y: Scale): number[] {
  const ends = lines.map(({ points }, index) => ({
    index,
    at: y(Math.max(points.at(-1)?.[1] ?? 1, Number.MIN_VALUE)),
  }));
  ends.sort((a, b) => a.at - b.at);
  const places: number[] = [];
  let next = Number.NEGATIVE_INFINITY;
  for (const { index, at } of ends) {
    places[index] = Math.max(at, next);
    next = (places[index] as number) + LABEL_GAP;
  }
  // What was pushed below the axis goes up again, and with it what stands in its way.
  let limit = TOP + HEIGHT;
  for (const { index } of ends.reverse()) {
    places[index] = Math.min(places[index] as number, limit);
    limit = (places[index] as number) - LABEL_GAP;
  }
  return places;
}

function gridLine(value: number, y: Scale): string {
  const at = y(value).toFixed(1);
  const line = `<line x1="${LEFT}" x2="${LEFT + WIDTH}" y1="${at}" y2="${at}" stroke="#d0d7de"/>`;
  return line + text(LEFT - 8, Number(at) + 4, value.toLocaleString('en-US'), 'text-anchor="end"');
}

function powers([low, high]: readonly [number, number]): number[] {
  const count = Math.round(Math.log10(high / low)) + 1;
  return Array.from({ length: count }, (_, index) => Number((low * 10 ** index).toPrecision(1)));
}

function logScale([low, high]: readonly [number, number], [from, to]: readonly [number, number]): Scale {
  return (value) => from + ((Math.log10(value) - Math.log10(low)) / (Math.log10(high) - Math.log10(low))) * (to - from);
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${content.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`;
}

function color(index: number): string {
  return COLORS[index % COLORS.length] as string;
}
