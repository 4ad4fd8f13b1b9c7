// The parts of the chart library that RouteSim draws with; everything else stays out of the bundle.
import { BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts'
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
} from 'echarts/components'
import * as core from 'echarts/core'
import { LabelLayout } from 'echarts/features'
import { SVGRenderer } from 'echarts/renderers'

core.use([
  ...[BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart],
  ...[GridComponent, LegendComponent, MarkLineComponent, TitleComponent, TooltipComponent],
  ...[VisualMapContinuousComponent, LabelLayout, SVGRenderer],
])

/** Makes a chart in an element, or, with `ssr`, without a browser. */
export const init: typeof core.init = core.init

/** Tells the library how to do what a browser does, such as measuring text. */
export const setPlatformAPI: typeof core.setPlatformAPI = core.setPlatformAPI
