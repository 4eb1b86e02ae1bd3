"""# Άσκηση 2: Dense

Το στρώμα με τα βάρη: κάθε μονάδα του αθροίζει όλες τις εισόδους, καθεμιά επί ένα βάρος, και μια
μετατόπιση. Για μία γραμμή x της δέσμης,

    yⱼ = Σᵢ xᵢ Wᵢⱼ + bⱼ

και για όλες τις γραμμές μαζί, με x σχήματος (γραμμές, είσοδοι), W (είσοδοι, μονάδες), b (μονάδες,):

    y = x W + b              (γραμμές, μονάδες)

Τα βιβλία που γράφουν το δείγμα ως στήλη το γράφουν y = Wᵀx + b.

## Προς τα πίσω

Δίνεται το dy = ∂L/∂y, με το σχήμα του y. Ζητούνται το dx = ∂L/∂x, και τα ∂L/∂W και ∂L/∂b, που γράφονται
στα `self.weight.grad` και `self.bias.grad`.

1. Σε ποιους αριθμούς του y υπάρχει το xᵣᵢ; Σε εκείνους της δικής του γραμμής r, σε κάθε μονάδα, με το
   βάρος Wᵢⱼ:

       dxᵣᵢ = Σⱼ dyᵣⱼ · ∂yᵣⱼ/∂xᵣᵢ = Σⱼ dyᵣⱼ Wᵢⱼ

   Ποιο γινόμενο των πινάκων dy και W είναι αυτό; Ποιου από τους δύο παίρνουμε τον ανάστροφο;

2. Σε ποιους αριθμούς του y υπάρχει το Wᵢⱼ; Σε εκείνους της μονάδας j, σε κάθε γραμμή:

       ∂L/∂Wᵢⱼ = Σᵣ dyᵣⱼ · ∂yᵣⱼ/∂Wᵢⱼ = …

   Ποιο γινόμενο πινάκων είναι αυτό; Πρέπει να έχει σχήμα (είσοδοι, μονάδες).

3. Και το bⱼ;

Το κόστος είναι ήδη μέσος όρος των γραμμών: κανένα άθροισμα εδώ δεν διαιρείται με κάτι.
"""

import numpy as np

from tinyframe import Layer, Parameter
from tinyframe.initializers import glorot_uniform, zeros


class Dense(Layer):
    def __init__(self, units):
        self.units = units

    def setup(self, input_shape):
        (inputs,) = input_shape
        self.weight = Parameter((inputs, self.units), glorot_uniform, dtype=self.dtype)
        self.bias = Parameter((self.units,), zeros, dtype=self.dtype)
        return (self.units,)

    def forward(self, x, training=False):
        x = self._input(x)  # builds the layer if need be, checks the shape
        if training:
            self._saved = x
        W, b = self.weight.value, self.bias.value
        y = ...
        return y

    def backward(self, dy):
        x = self._saved
        W = self.weight.value
        self.weight.grad = ...
        self.bias.grad = ...
        dx = ...
        return dx


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("dense", Dense))
