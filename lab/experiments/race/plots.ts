// Pictures of the race experiment: a map of the fastest mode, and the speeds of all of them.

const modeColours = {
  domain: ['streaming', 'stop-and-wait', 'pipeline', 'race'],
  range: ['#bbbbbb', '#E69F00', '#56B4E9', '#009E73'],
};

/** The fastest mode over round trip and acceptance. @param filter of rows. @param column that the maps differ by. */
export const mapSpec = (filter: string, column: string, title: string) => ({
  transform: [{ filter }],
  facet: {
    row: { field: 'target', title: 'target bound by', sort: ['memory', 'arithmetic'] },
    column: { field: column, title },
  },
  spec: {
    width: 210,
    height: 110,
    encoding: {
      x: {
        field: 'roundTripMs',
        type: 'ordinal',
        title: 'round trip, ms',
        axis: { labelAngle: 0 },
      },
      y: { field: 'acceptance', type: 'ordinal', sort: 'descending' },
    },
    layer: [
      {
        mark: 'rect',
        encoding: {
          color: {
            field: 'mode',
            title: null,
            scale: modeColours,
          },
        },
      },
      {
        mark: { type: 'text', fontSize: 11 },
        encoding: { text: { field: 'speed', format: '.2f' } },
      },
    ],
  },
});

export const speedSpec = {
  transform: [
    { filter: 'datum.draftMs == 8 && datum.acceptance == 0.7' },
    { calculate: "split(datum.mode, ',')[0]", as: 'name' },
  ],
  facet: {
    row: { field: 'target', title: 'target bound by', sort: ['memory', 'arithmetic'] },
    column: { field: 'devices', title: 'devices' },
  },
  spec: {
    width: 200,
    height: 150,
    layer: [
      {
        mark: { type: 'errorband', opacity: 0.2 },
        encoding: { y: { field: 'speedLow' }, y2: { field: 'speedHigh' } },
      },
      { mark: { type: 'line', point: true }, encoding: { y: { field: 'speed' } } },
    ],
    encoding: {
      x: { field: 'roundTripMs', type: 'quantitative', title: 'round trip, ms' },
      y: { type: 'quantitative', title: 'speed, of streaming' },
      color: {
        field: 'name',
        title: null,
        scale: modeColours,
      },
    },
  },
};
