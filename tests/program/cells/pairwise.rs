//! Which cells of a product are tried where not all are: so many that every two values
//! of different factors meet in one of them.

use std::collections::BTreeSet;

/// A cell: project, condition, npm.
pub type Cell<'a> = [&'a str; 3];

fn pairs<'a>(cell: &Cell<'a>) -> [(usize, &'a str, &'a str); 3] {
    let [project, condition, npm] = *cell;
    [(0, project, condition), (1, project, npm), (2, condition, npm)]
}

/// Chooses cells until every pair that occurs in `all` occurs in what is chosen. Takes
/// the cell with the most pairs that are not there yet, the first of equals.
pub fn chosen<'a>(all: &[Cell<'a>]) -> BTreeSet<Cell<'a>> {
    let mut open: BTreeSet<_> = all.iter().flat_map(pairs).collect();
    let mut chosen = BTreeSet::new();
    while !open.is_empty() {
        let gain = |cell: &Cell<'a>| pairs(cell).iter().filter(|pair| open.contains(pair)).count();
        let Some(best) = all.iter().rev().max_by_key(|cell| gain(cell)) else { break };
        for pair in pairs(best) {
            open.remove(&pair);
        }
        chosen.insert(*best);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_there_and_most_cells_are_not() {
        let (projects, conditions) = (["a", "b", "c", "d"], ["1", "2", "3", "4"]);
        let all: Vec<Cell<'_>> = projects
            .iter()
            .flat_map(|project| conditions.iter().map(move |condition| (project, condition)))
            .flat_map(|(project, condition)| ["8", "10", "11", "12"].map(|npm| [*project, *condition, npm]))
            .collect();
        let chosen = chosen(&all);
        let (every, met): (BTreeSet<_>, BTreeSet<_>) =
            (all.iter().flat_map(pairs).collect(), chosen.iter().flat_map(pairs).collect());
        assert_eq!(every, met);
        assert!(chosen.len() < all.len() / 2, "{} of {}", chosen.len(), all.len());
        // Whoever has one condition alone meets every npm with it.
        let lone: Vec<Cell<'_>> = ["8", "10", "11"].map(|npm| ["a", "1", npm]).into();
        assert_eq!(super::chosen(&lone).len(), 3);
    }
}
