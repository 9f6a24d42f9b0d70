"""The published records of the embedded track in pandas, and a LaTeX table. Run it: `python examples/published.py`."""

import srlbench as sb
from srlbench.records import published_results

results = sb.results(published_results())
print(results)

frame = results.to_pandas()
frame = frame[frame["current"] & ~frame["recipe"].str.contains("+", regex=False)]  # no points of a sweep
averages = frame[frame["task"].isin(["sts_avg", "transfer_avg"])]
table = averages.pivot_table(index="recipe", columns="task", values="score", aggfunc=["mean", "std"])
table = table.sort_values(("mean", "sts_avg"), ascending=False).swaplevel(axis=1).sort_index(axis=1)
print(table.head(10).to_latex(float_format="%.2f"))
